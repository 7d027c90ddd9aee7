#!/usr/bin/env bash
# Packs a release archive: release/pack.sh PROGRAM TARGET FOLDER
#
# FOLDER/lambda-lift-VERSION-TARGET.tar.gz is what the GitHub Action and cargo-binstall look for. PROGRAM must run here: it writes its
# own completions and manual page.
set -euo pipefail

program=$1 target=$2 folder=$3
root=$(cd "$(dirname "$0")/.." && pwd)
name=lambda-lift-$("$root/release/version.sh")-$target
file=lambda-lift
case "$target" in *-windows-*) file=lambda-lift.exe ;; esac

mkdir -p "$folder"
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
mkdir -p "$staged/$name/completions" "$staged/$name/man"
cp "$program" "$staged/$name/$file"
chmod 755 "$staged/$name/$file"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$staged/$name/"
"$program" completions bash >"$staged/$name/completions/lambda-lift.bash"
"$program" completions zsh >"$staged/$name/completions/_lambda-lift"
"$program" completions fish >"$staged/$name/completions/lambda-lift.fish"
"$program" man >"$staged/$name/man/lambda-lift.1"
# Without the extended attributes that macOS would add.
COPYFILE_DISABLE=1 tar -czf "$folder/$name.tar.gz" -C "$staged" "$name"
printf '%s\n' "$folder/$name.tar.gz"
