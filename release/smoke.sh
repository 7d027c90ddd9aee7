#!/usr/bin/env bash
# Whether a program does on this platform what it is for: release/smoke.sh PROGRAM
#
# Puts an image together, deploys it twice to the built-in stand-in for AWS and moves its alias back. Nothing leaves the machine.
set -euo pipefail

# Git's bash on Windows would rewrite what looks like a path of its own.
export MSYS2_ARG_CONV_EXCL='*'
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
blobs=image/blobs/sha256
mkdir -p "$blobs"

sha256_of() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d' ' -f1
}
size_of() { wc -c <"$1" | tr -d ' '; }
# Moves a file among the blobs; prints its descriptor.
blob() {
    local digest size
    digest=$(sha256_of "$2") size=$(size_of "$2")
    mv "$2" "$blobs/$digest"
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$1" "$digest" "$size"
}

# An image whose only layer says $1.
image() {
    local layer config manifest diff_id
    printf '%s\n' "$1" >bootstrap
    tar -cf layer.tar bootstrap
    diff_id=$(sha256_of layer.tar)
    gzip -n <layer.tar >layer.tar.gz
    layer=$(blob application/vnd.oci.image.layer.v1.tar+gzip layer.tar.gz)
    printf '{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bootstrap"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$diff_id" >config
    config=$(blob application/vnd.oci.image.config.v1+json config)
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
        "$config" "$layer" >manifest
    manifest=$(blob application/vnd.oci.image.manifest.v1+json manifest)
    printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" >image/index.json
    printf '{"imageLayoutVersion":"1.0.0"}' >image/oci-layout
}

# Runs the program; it must say $1.
expect() {
    local wanted=$1 said
    shift
    printf '$ lambda-lift %s\n' "$*"
    said=$("$program" --local=aws --no-config "$@" 2>&1) || { printf '%s\n' "$said" && exit 1; }
    printf '%s\n' "$said"
    case "$said" in *"$wanted"*) ;; *) printf 'it does not say: %s\n' "$wanted" && exit 1 ;; esac
}

# Not every platform's tar knows that a program may be started.
deploy() {
    expect "$1" deploy --image oci:image --function smoke --repository smoke --create-repository \
        --role arn:aws:iam::123456789012:role/smoke --alias live --no-cache --allow entrypoint-file
}

"$program" --version
image one
deploy deployed
deploy unchanged
image two
deploy deployed
expect 'rolled back' rollback --function smoke --alias live
