#!/bin/sh
# Builds lambda-lift and the example function, packs the function as a container image, and deploys it twice to
# the built-in stand-in for AWS. It needs Rust, a C compiler (gcc) and nothing else: no AWS account, no Docker.
#
#     example/deploy.sh             a development build, the quickest way to a first run
#     example/deploy.sh --release   the build that you would install, which takes longer to make
#
# The development build is the same program with checks left in; only its speed differs. Do not measure with it.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
'') profile= ;;
--release) profile=--release ;;
*) echo "usage: example/deploy.sh [--release]" >&2 && exit 2 ;;
esac

work=${CARGO_TARGET_DIR:-target}/example
image=docker-archive:$work/hello.tar
role=arn:aws:iam::123456789012:role/hello

# Shows a command as you would type it, then runs the lambda-lift that was just built.
lambda_lift() {
    printf '\n$ lambda-lift %s\n' "$*"
    # shellcheck disable=SC2086 # no word or one
    cargo run --quiet $profile --bin lambda-lift -- "$@"
}

echo "Building lambda-lift (the first time takes some minutes)"
# shellcheck disable=SC2086 # no word or one
cargo build $profile --bin lambda-lift
echo "Packing the example function as a container image"
cargo run --quiet --package lambda-lift-example -- "$image"

# The stand-in keeps its state in this folder between runs. Begin with an AWS account that has nothing in it.
rm -rf "$work/aws"
deploy() {
    lambda_lift "--local=$work/aws" deploy --image "$image" --function hello \
        --repository hello --create-repository --role "$role" --alias live
}
deploy
echo
echo "The same command again: nothing has changed, so nothing is sent and nothing is written."
deploy
