package report

import (
	"fmt"
	"strings"
)

// Fill puts sections between their markers in a document:
//
//	<!-- peers:NAME -->
//	<!-- /peers:NAME -->
//
// What stood there is replaced, and what has no section stays. A section without markers is an error.
func Fill(document string, sections []Section) (string, error) {
	for _, s := range sections {
		begin, end := fmt.Sprintf("<!-- peers:%s -->\n", s.Name), fmt.Sprintf("<!-- /peers:%s -->", s.Name)
		before, rest, found := strings.Cut(document, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			return "", fmt.Errorf("the document has no place for %s; write %s and %s into it", s.Name, strings.TrimSpace(begin), end)
		}
		document = before + begin + "\n" + s.Text + "\n" + end + after
	}
	return document, nil
}
