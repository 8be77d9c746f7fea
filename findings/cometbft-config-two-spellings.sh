#!/bin/bash
# CometBFT's config.toml is read by viper and mapstructure with weak types. Two consequences surprise:
#
# - Names have no case, and a key that is written twice in different capitals has one value or the other, by chance at each
#   start: viper lowers the names of a Go map in the map's random order (util.go, insensitiviseMap).
# - A number in quotes is read as in Go's sources (strconv.ParseInt with base 0): "010" is 8, and an empty text is 0. For a
#   rate 0 means that there is no limit.
#
# Neither is told of. Seen with CometBFT 0.38.17, viper 1.19.0, mapstructure 1.5.0, go 1.26.8:
#
#   SEND_RATE = 7 beside Send_Rate = 8, read 200 times: 7 and 8
#   send_rate = "010": 8
#   send_rate = "": 0
#
# Fails when one of this changes. Needs Go.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/go.mod" << 'MOD'
module finding

go 1.22.11

require (
	github.com/cometbft/cometbft v0.38.17
	github.com/spf13/viper v1.19.0
)
MOD
cat > "$work/main.go" << 'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/cometbft/cometbft/config"
	"github.com/spf13/viper"
)

func sendRate(lines string) int64 {
	v := viper.New()
	v.SetConfigType("toml")
	conf := config.DefaultConfig()
	if err := v.ReadConfig(strings.NewReader("[p2p]\n" + lines)); err != nil {
		panic(err)
	}
	if err := v.Unmarshal(conf); err != nil {
		panic(err)
	}
	return conf.P2P.SendRate
}

func main() {
	seen := map[int64]bool{}
	for i := 0; i < 200; i++ {
		seen[sendRate("SEND_RATE = 7\nSend_Rate = 8\n")] = true
	}
	octal, empty := sendRate("send_rate = \"010\"\n"), sendRate("send_rate = \"\"\n")
	fmt.Println("two spellings:", seen, "octal:", octal, "empty:", empty)
	if !seen[7] || !seen[8] || octal != 8 || empty != 0 {
		os.Exit(1)
	}
}
GO
cd "$work"
go mod tidy > /dev/null 2>&1
go run .
