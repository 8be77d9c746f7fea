#!/bin/bash
# grpcurl 1.9.2 and 1.9.3 have the flag -unix in their help and dial TCP in spite of it: `-unix PATH` fails with "missing port in
# address". `unix:PATH` in the address's place works there, and in 1.9.1 and before it does not: no form works in all of them.
#
# Seen with grpcurl 1.9.1, 1.9.2 and 1.9.3, go 1.26.8, Linux x86-64:
#
#   v1.9.1 -unix PATH: dial unix /nowhere/at.sock
#   v1.9.3 -unix PATH: dial tcp: address /nowhere/at.sock
#   v1.9.3 unix:PATH: dial unix /nowhere/at.sock
#
# Fails when -unix dials the socket again. Needs Go.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
said() { # VERSION WORD...
    local version=$1
    shift
    [ -x "$work/$version/grpcurl" ] ||
        GOBIN=$work/$version go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$version" > /dev/null 2>&1
    # Nobody listens there; what matters is what it dials.
    "$work/$version/grpcurl" -plaintext -connect-timeout 2 "$@" list 2>&1 | grep -o 'dial [a-z]*:\? \(address \)\?/nowhere/at.sock' || true
}
old=$(said v1.9.1 -unix /nowhere/at.sock)
flag=$(said v1.9.3 -unix /nowhere/at.sock)
name=$(said v1.9.3 unix:/nowhere/at.sock)
echo "v1.9.1 -unix PATH: $old"
echo "v1.9.3 -unix PATH: $flag"
echo "v1.9.3 unix:PATH: $name"
[[ $old == "dial unix"* && $flag == "dial tcp"* && $name == "dial unix"* ]]
