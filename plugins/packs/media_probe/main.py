"""The action media_probe.probe: what is in an MP4 or MOV file.

Such a file is a row of boxes: a size of 4 bytes, a name of 4 letters, and what is in it, often boxes again. Everything that
is wanted stands in the box `moov`; the media itself, in `mdat`, is skipped.
"""

import base64
import binascii
import http.client
import struct
import urllib.error
import urllib.request

from oncue_plugin import Fatal, Retry, action, run

INDEX_LIMIT = 16 * 1024 * 1024
"""The largest `moov` that is read: hours of film have a few MiB."""
BOX_LIMIT = 1000
"""How many boxes a file may have side by side."""


@action
def probe(params, call):
    url, text = params.get("url"), params.get("base64")
    if bool(url) == bool(text):
        raise Fatal("InvalidParams", "with: write either `url` or `base64`")
    read = from_url(url, call) if url else from_text(text)
    brand, moov = find_index(read)
    try:
        return {"brand": brand, **describe(moov)}
    except (struct.error, IndexError, TypeError) as error:
        raise Fatal("not_mp4", "the index of the file is damaged: %s" % error)


def from_text(text):
    """Reads from the file itself."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Fatal("InvalidParams", "base64: %s" % error)
    return lambda start, length: data[start:start + length]


def from_url(url, call):
    """Reads parts of what is at a URL."""
    if not url.lower().startswith(("http://", "https://")):
        raise Fatal("InvalidParams", "url: write one that begins with http:// or https://")

    def read(start, length):
        headers = {"Range": "bytes=%d-%d" % (start, start + length - 1), "User-Agent": "oncue-media-probe/1.0"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=call.remaining()) as answer:
                if answer.status != 206 and start > 0:
                    # The place serves no ranges, and gives the whole file each time.
                    if start > INDEX_LIMIT:
                        raise Fatal("no_ranges", "the place serves no ranges, and the index is too far behind")
                    answer.read(start)
                return answer.read(length)
        except urllib.error.HTTPError as error:
            if error.code == 416:
                return b""
            kind = Retry if error.code >= 500 or error.code in (408, 425, 429) else Fatal
            raise kind("http_%d" % error.code, "the place of the file answered %d" % error.code)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Retry("unreachable", "the file could not be read: %s" % error)

    return read


def find_index(read):
    """The brand and what is in `moov`, which may stand behind gigabytes of media."""
    brand, at = "", 0
    for _ in range(BOX_LIMIT):
        head = read(at, 16)
        if len(head) < 8:
            break
        size, kind = struct.unpack(">I4s", head[:8])
        begin = 8
        if size == 1 and len(head) == 16:
            size, begin = struct.unpack(">Q", head[8:])[0], 16
        elif size == 0:
            # To the end of the file.
            size = begin + INDEX_LIMIT
        if size < begin or (at == 0 and not kind.isalnum()):
            break
        if kind == b"ftyp":
            brand = letters(read(at + begin, 4)).strip()
        if kind == b"moov":
            if size - begin > INDEX_LIMIT:
                raise Fatal("too_large", "the index of the file has %d bytes, and at most %d are read" % (size, INDEX_LIMIT))
            moov = read(at + begin, size - begin)
            if len(moov) < size - begin and size != begin + INDEX_LIMIT:
                raise Fatal("not_mp4", "the file ends within its index")
            return brand, moov
        at += size
    raise Fatal("not_mp4", "this is no MP4 or MOV file, or one without its index")


def boxes(data):
    """The boxes side by side in what was read: (name, content)."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        begin = 8
        if size == 1:
            size, begin = struct.unpack_from(">Q", data, at + 8)[0], 16
        size = size or len(data) - at
        if size < begin:
            return
        yield kind, data[at + begin:at + size]
        at += size


def inside(data, *path):
    """The content of the first box at a path of names, or None."""
    for name in path:
        data = next((content for kind, content in boxes(data) if kind == name), None)
        if data is None:
            return None
    return data


def describe(moov):
    tracks = [track(content) for kind, content in boxes(moov) if kind == b"trak"]
    return {"seconds": seconds(inside(moov, b"mvhd")), "tracks": tracks}


def track(trak):
    handler, entries = inside(trak, b"mdia", b"hdlr"), inside(trak, b"mdia", b"minf", b"stbl", b"stsd")
    kind = letters(handler[8:12]) if handler else ""
    kind = {"vide": "video", "soun": "audio"}.get(kind, kind)
    width, height = (size >> 16 or None for size in struct.unpack(">II", inside(trak, b"tkhd")[-8:]))
    return {
        "kind": kind,
        "codec": letters(entries[12:16]) if entries and len(entries) >= 16 else None,
        "seconds": seconds(inside(trak, b"mdia", b"mdhd")),
        "width": width if kind == "video" else None,
        "height": height if kind == "video" else None,
    }


def seconds(header):
    """The length that `mvhd` or `mdhd` tells: units in a second, then how many of them."""
    if header is None:
        return None
    scale, units = struct.unpack_from(">IQ", header, 20) if header[0] == 1 else struct.unpack_from(">II", header, 12)
    return round(units / scale, 3) if scale and units else None


def letters(data):
    return data.decode("latin-1")


run()
