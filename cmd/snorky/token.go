package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

const maxTokenFileBytes = 16 << 10

func (c *connecting) tokenFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.tokenFile, "token-file", "", "`file` with the token that says who you are; also "+envTokenFile+
		", or the token itself in "+envToken)
}

// token is for front.Options: who the user is, nil if that is nobody. A flag wins over the environment, and there the token
// itself over a file. A file is read for each handshake, so that somebody else may renew what is in it.
func (c *connecting) token() func(context.Context) (string, error) {
	file := c.tokenFile
	if file == "" {
		if token := os.Getenv(envToken); token != "" {
			return func(context.Context) (string, error) { return checkKey(token, envToken) }
		}
		if file = os.Getenv(envTokenFile); file == "" {
			return nil
		}
	}
	return func(context.Context) (string, error) {
		token, err := firstLine(file, "token", maxTokenFileBytes)
		if err != nil {
			return "", failed(exitKey, fmt.Sprintf("token file %s: %v", file, err), "")
		}
		return checkKey(token, "token file "+file)
	}
}
