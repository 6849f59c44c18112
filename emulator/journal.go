package emulator

import (
	"encoding/json"
	"io"
	"slices"
	"sync"

	"github.com/atlas-iam/atlas-iam/emulator/call"
)

// journal holds what took effect.
type journal struct {
	mu    sync.Mutex
	lines []call.Write
	out   io.Writer
}

// add is called in the order of commits.
func (j *journal) add(writes []call.Write, fault *Fault) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, w := range writes {
		if fault.hidesEffect() {
			w.Fault = string(fault.Kind)
		}
		j.lines = append(j.lines, w)
		if j.out != nil {
			b, _ := json.Marshal(w) // of strings, a time and JSON: cannot fail
			j.out.Write(append(b, '\n'))
		}
	}
}

func (j *journal) all() []call.Write {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}
