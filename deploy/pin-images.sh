#!/bin/sh
# Writes behind the tag of every image in docker-compose.yml and the Dockerfile the digest it has in its registry, so
# that what is pulled later is what was looked at. Do it again after a tag was changed. Needs docker with buildx.
#
#   sh deploy/pin-images.sh            write them
#   sh deploy/pin-images.sh --check    only say which have none, and exit 1 if there are any
set -eu
cd "$(dirname "$0")/.."
files="docker-compose.yml Dockerfile"

# Ours is built here, so it has no digest before.
images=$(sed -nE 's/^ *(image: |ARG PYTHON_IMAGE=)([^ ]+)$/\2/p' $files | grep -v '^souk:' | sort -u)

if [ "${1:-}" = --check ]; then
    unpinned=$(echo "$images" | grep -v '@sha256:' || true)
    [ -z "$unpinned" ] && exit 0
    echo "without a digest (sh deploy/pin-images.sh):" $unpinned >&2
    exit 1
fi

for image in $images; do
    tag=${image%@*}
    digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$tag")
    case $digest in
        sha256:*) ;;
        *) echo "no digest of $tag: $digest" >&2; exit 1 ;;
    esac
    for file in $files; do
        sed -E "s#(image: |ARG PYTHON_IMAGE=)$tag(@sha256:[0-9a-f]+)?\$#\1$tag@$digest#" "$file" > "$file.pinned"
        cat "$file.pinned" > "$file"
        rm "$file.pinned"
    done
    echo "$tag@$digest"
done
