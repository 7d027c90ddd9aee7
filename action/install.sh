#!/usr/bin/env bash
# Puts lambda-lift on the runner and its folder on the PATH of the steps that follow.
#
# A release is downloaded for the runner's platform and compared with its published SHA-256 before anything of it is run; what was
# verified once is kept in the runner's tool cache. `source` builds this checkout instead. Written for bash 3.2, which macOS has.
set -euo pipefail

fail() {
    # A line feed would begin another workflow command.
    printf '::error title=lambda-lift::%s\n' "$(printf '%s' "$*" | sed 's/%/%25/g' | tr '\r\n' '  ')"
    exit 1
}

here=${GITHUB_ACTION_PATH:?the action runs in GitHub Actions only}
temporary=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/lambda-lift.XXXXXX")
trap 'rm -rf "$temporary"' EXIT

# The target triple of this runner, as releases name it.
platform() {
    case "${RUNNER_OS:-}-${RUNNER_ARCH:-}" in
    Linux-X64) echo x86_64-unknown-linux-gnu ;;
    Linux-ARM64) echo aarch64-unknown-linux-gnu ;;
    macOS-X64) echo x86_64-apple-darwin ;;
    macOS-ARM64) echo aarch64-apple-darwin ;;
    Windows-X64) echo x86_64-pc-windows-msvc ;;
    *) return 1 ;;
    esac
}

# The version that this checkout of the action belongs to.
own_version() {
    sed -n '/^\[workspace\.package\]/,/^\[/s/^version *= *"\(.*\)"$/\1/p' "$here/Cargo.toml"
}

# Where releases are: of the repository that the action was taken from.
release_address() {
    local repository=${ACTION_REPOSITORY:-}
    # Some runners leave it empty in a composite action; then the path has it: _actions/OWNER/NAME/REF.
    case "$here" in
    */_actions/*/*/*) [ -n "$repository" ] || repository=$(printf '%s' "${here##*/_actions/}" | cut -d/ -f1-2) ;;
    esac
    printf '%s/%s/releases/download' "${GITHUB_SERVER_URL:-https://github.com}" "${repository:-${GITHUB_REPOSITORY:-}}"
}

download() {
    local protocols='=https'
    # A server of one's own on this machine, and nothing else, may do without TLS.
    case "$1" in http://127.0.0.1:* | http://localhost:*) protocols='=http' ;; esac
    curl --fail --silent --show-error --location --proto "$protocols" --retry 3 --connect-timeout 20 --max-time 600 \
        --output "$2" "$1" 2>"$temporary/curl" || fail "$1 could not be downloaded: $(cat "$temporary/curl")"
}

sha256_of() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d' ' -f1
}

# Downloads, verifies and unpacks a release into the folder $3.
install_release() {
    local version=$1 target=$2 folder=$3
    local name=lambda-lift-$version-$target
    local base=${INPUT_RELEASE_URL:-$(release_address)}
    local address=$base/v$version
    download "$address/SHA256SUMS" "$temporary/SHA256SUMS"
    download "$address/$name.tar.gz" "$temporary/archive"
    local published actual
    # `DIGEST  NAME`; coreutils marks binary files by a star.
    published=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$(printf '%s' "$name" | sed 's/\./\\./g')\.tar\.gz\$/\1/p" "$temporary/SHA256SUMS")
    [ -n "$published" ] || fail "the release v$version has no checksum of $name.tar.gz; nothing was run"
    actual=$(sha256_of "$temporary/archive")
    [ "$actual" = "$published" ] ||
        fail "$name.tar.gz is not what was published: its SHA-256 is $actual, the release says $published; nothing was run"
    [ -z "${INPUT_SHA256:-}" ] || [ "$actual" = "$INPUT_SHA256" ] ||
        fail "$name.tar.gz is not what the input sha256 asks for: its SHA-256 is $actual; nothing was run"
    mkdir "$temporary/unpacked"
    # Without a drive letter in a path: tar would take it for the name of a host.
    (cd "$temporary/unpacked" && tar -xzf ../archive "$name/$program") 2>"$temporary/tar" ||
        fail "$name.tar.gz cannot be unpacked: $(cat "$temporary/tar"); nothing was run"
    if [ ! -f "$temporary/unpacked/$name/$program" ] || [ -L "$temporary/unpacked/$name/$program" ]; then
        fail "$name.tar.gz has no program $program; nothing was run"
    fi
    mkdir -p "$folder"
    mv "$temporary/unpacked/$name/$program" "$folder/$program"
    chmod 755 "$folder/$program"
    printf '%s\n' "$actual" >"$folder.complete"
}

build() {
    command -v cargo >/dev/null ||
        fail 'version: source needs Rust on the runner; add a step before this one that installs it (https://rustup.rs)'
    cargo install --quiet --locked --path "$here" --root "$1" >&2 ||
        fail 'lambda-lift could not be built from source; what cargo says is above'
}

program=lambda-lift
[ "${RUNNER_OS:-}" != Windows ] || program=lambda-lift.exe
version=${INPUT_VERSION:-$(own_version)}
version=${version#v}
if [ "$version" = source ]; then
    folder=${RUNNER_TEMP:?}/lambda-lift-source
    build "$folder"
    folder=$folder/bin
else
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || fail 'version: write a release such as 0.1.0, or source'
    target=$(platform) ||
        fail "there is no release for ${RUNNER_OS:-an unknown system} on ${RUNNER_ARCH:-an unknown processor}; use version: source"
    folder=${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/lambda-lift/$version/$target
    kept=$(cat "$folder.complete" 2>/dev/null || true)
    if [ -z "$kept" ] || { [ -n "${INPUT_SHA256:-}" ] && [ "$kept" != "$INPUT_SHA256" ]; }; then
        rm -rf "$folder" "$folder.complete"
        install_release "$version" "$target" "$folder"
    fi
fi
said=$("$folder/$program" --version 2>&1) ||
    fail "lambda-lift does not run on this runner: $said. On Linux a release needs glibc 2.35 or newer; elsewhere use version: source"
printf '%s\n' "$folder" >>"${GITHUB_PATH:?}"
printf 'version=%s\n' "${said##* }" >>"${GITHUB_OUTPUT:?}"
