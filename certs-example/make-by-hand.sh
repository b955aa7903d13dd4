#!/bin/sh
# make-by-hand.sh FOLDER NAME...: an authority (unless the folder has one) and a certificate for every
# name and address. `parlor certs make` does the same and renews it, too.
set -eu
umask 077

folder=$1
shift
settings=$(dirname "$0")/openssl.cnf
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

names=
for name in "$@"; do
    case $name in
    *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) names=$names,IP:$name ;;
    *) names=$names,DNS:$name ;;
    esac
done
[ -n "$names" ] || { echo "say every name and address of the server" >&2; exit 2; }

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -e "$folder/authority.crt" ]; then
    key "$folder/authority.key"
    openssl req -new -x509 -key "$folder/authority.key" -subj "/O=Parlor/CN=Parlor authority $(date +%F)" \
        -config "$settings" -extensions authority -days 3650 -out "$folder/authority.crt"
fi
key "$work/server.key"
openssl req -new -key "$work/server.key" -subj /CN=Parlor -config "$settings" -out "$work/request"
{ cat "$settings"; echo "subjectAltName = ${names#,}"; } >"$work/settings"
openssl x509 -req -in "$work/request" -CA "$folder/authority.crt" -CAkey "$folder/authority.key" \
    -days 397 -extfile "$work/settings" -extensions server -out "$work/leaf" 2>"$work/said" ||
    { cat "$work/said" >&2; exit 1; }
cat "$work/leaf" "$folder/authority.crt" >"$work/server.crt"
mv "$work/server.key" "$work/server.crt" "$folder/"
chmod 644 "$folder/authority.crt" "$folder/server.crt"
openssl verify -x509_strict -CAfile "$folder/authority.crt" "$folder/server.crt"
