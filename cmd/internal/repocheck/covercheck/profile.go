package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A counted package: how many statements it has and how many of them ran.
type counted struct {
	pkg              string
	statements, hits int
}

func (c counted) percent() float64 {
	return 100 * float64(c.hits) / float64(c.statements)
}

// readProfile sums a profile up by package, in alphabetical order. The lines
// are "FILE:FROM,TO STATEMENTS COUNT", where FILE starts with the package's
// path; a block that several test binaries report counts once.
func readProfile(profile io.Reader) ([]counted, error) {
	type block struct{ statements, count int }
	blocks := map[string]block{}
	lines := bufio.NewScanner(profile)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("no line of a coverage profile: %q", line)
		}
		statements, err := strconv.Atoi(fields[1])
		count, err2 := strconv.Atoi(fields[2])
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		b := blocks[fields[0]]
		blocks[fields[0]] = block{statements, b.count + count}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	sums := map[string]counted{}
	for where, b := range blocks {
		file, _, _ := strings.Cut(where, ":")
		sum := sums[path.Dir(file)]
		sum.pkg = path.Dir(file)
		sum.statements += b.statements
		if b.count > 0 {
			sum.hits += b.statements
		}
		sums[sum.pkg] = sum
	}
	var packages []counted
	for _, sum := range sums {
		if sum.statements > 0 {
			packages = append(packages, sum)
		}
	}
	slices.SortFunc(packages, func(a, b counted) int { return strings.Compare(a.pkg, b.pkg) })
	return packages, nil
}
