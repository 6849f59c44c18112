package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile replaces a file whole or not at all.
func writeFile(file string, b []byte, mode fs.FileMode) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(tmp.Name(), file)
}

// createFile writes a new file; one that is there is left alone.
func createFile(file string, b []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer closing(&err, f.Close)
	_, err = f.Write(b)
	return err
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// closing closes something at a function's end and keeps its error where there
// is no other.
func closing(err *error, close func() error) {
	if e := close(); e != nil && *err == nil {
		*err = e
	}
}
