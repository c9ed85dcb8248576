#!/bin/sh
# The action disk_space.free: how much room is left where a path lies.
#
# Each line of Oncue is JSON without spaces that begins with type, id, action, deadline_ms and params, in this order: a
# shell can read that. What is for people goes to standard error.

fail() {
    printf '{"type":"result","id":%s,"error":{"class":"fatal","code":"%s","message":"%s"}}\n' "$id" "$1" "$2"
}

free() {
    case $1 in
    '{"path":"'*'"}'*) ;;
    *) fail InvalidParams 'path: write one text' && return ;;
    esac
    path=${1#'{"path":"'}
    path=${path%%'"'*}
    case $path in
    *\\*) fail InvalidParams 'path: it cannot hold quotes or backslashes' && return ;;
    esac
    kib=$(df -Pk -- "$path" | awk 'NR == 2 { print $4 }')
    if [ -n "$kib" ]; then
        printf '{"type":"result","id":%s,"outputs":{"bytes":%s}}\n' "$id" "$((kib * 1024))"
    else
        fail no_path 'there is no such path'
    fi
}

while IFS= read -r line; do
    id=${line#*'"id":'}
    id=${id%%[!0-9]*}
    case $line in
    '{"type":"hello",'*) echo '{"type":"hello","protocol":1,"actions":["free"]}' ;;
    '{"type":"call",'*'"action":"free",'*) free "${line#*',"params":'}" ;;
    esac
done
