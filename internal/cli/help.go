package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const long = `Access as code for Amazon EKS: a folder of documents says who may use which
clusters; atlas-iam shows the access gained and lost, and makes it so.

Try it without an AWS account, on the embedded AWS:
  atlas-iam init --example access
  atlas-iam apply --local access
Look at what would change on AWS; nothing is written:
  atlas-iam plan access`

// aboutPaths is how every command finds documents.
const aboutPaths = `PATH is a folder or a file of documents. Left out, it is the nearest folder
upwards that holds an Environment.`

// ending is one way in which a command ends.
type ending struct {
	code  Code
	means string
}

// Endings that mean the same for every command.
func ok(means string) ending { return ending{OK, means} }

func couldNotAsk() ending {
	return ending{CouldNotAsk, "AWS could not be asked: credentials, the wrong account, the network"}
}

func invalid() ending {
	return ending{Usage, "the command line or a document is at fault; nothing was changed"}
}

// ends tells in a command's help with which codes it ends.
func ends(cmd *cobra.Command, endings ...ending) {
	var lines []string
	for _, e := range endings {
		lines = append(lines, fmt.Sprintf("  %-4d %s", e.code, e.means))
	}
	cmd.Annotations = map[string]string{"exits": strings.Join(lines, "\n")}
}

// endsAsWriter is ends for commands that change something.
func endsAsWriter(cmd *cobra.Command) {
	ends(cmd, ok("done, or nothing to do"),
		ending{Failed, "a change failed or was not made, also because Ctrl-C came first; or you did not confirm"},
		ending{Held, "something is held; the rest was made"},
		ending{CouldNotAsk, couldNotAsk().means + "; or Ctrl-C came while it was read, and nothing was changed"},
		ending{Usage, "the command line or a document is at fault, or there is no terminal to ask on and no --yes; nothing was changed"})
}
