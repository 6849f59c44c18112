package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/atlas-iam/atlas-iam/internal/documents"
)

// writeFile replaces a file whole or not at all.
func writeFile(file string, b []byte, mode fs.FileMode) error {
	return putWhole(file, b, mode, os.Rename)
}

// createFile writes a file that is not there, whole or not at all.
func createFile(file string, b []byte, mode fs.FileMode) error {
	err := putWhole(file, b, mode, os.Link) // it fails where there is one, as a rename does not
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: the file is there already", documents.Escape(file))
	}
	return err
}

// putWhole writes a file beside the one that is meant, and puts it there.
func putWhole(file string, b []byte, mode fs.FileMode, put func(from, to string) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err == nil {
		defer os.Remove(tmp.Name())
		_, err = tmp.Write(b)
		err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	}
	if err == nil {
		err = put(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", documents.Escape(file), withoutPath(err))
	}
	return nil
}

// withoutPath is what the system said, without the name of a file that nobody
// meant.
func withoutPath(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		return l.Err
	}
	return err
}

// closing closes something at a function's end and keeps its error where there
// is no other.
func closing(err *error, close func() error) {
	if e := close(); e != nil && *err == nil {
		*err = e
	}
}
