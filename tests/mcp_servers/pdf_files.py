"""PDF files of tests, good ones and bombs, made here byte by byte."""

import zlib
from collections.abc import Sequence


def pdf(pages: Sequence[str | bytes], trailer: bytes = b"", info: bytes = b"") -> bytes:
    """Pages of a line of text each; bytes are a whole stream object of their own."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * at) for at in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, page in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * at)
        )
        objects.append(page if isinstance(page, bytes) else stream(line(page)))
    if info:
        objects.append(info)
        trailer += b" /Info %d 0 R" % len(objects)
    return assembled(objects, trailer)


def assembled(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        trailer,
        table,
    )
    return bytes(out)


def line(text: str) -> bytes:
    return b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % text.encode("latin-1")


def stream(content: bytes, entries: bytes = b"", length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (size, entries, content)


def flate(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return stream(content, b"/Filter [" + b"/FlateDecode " * times + b"]")


def _run_length(size: int) -> bytes:
    return b"\x81A" * (size // 128) + b"\x80"


def _lzw_of_zeros() -> bytes:
    """Codes that each repeat what came before and one more."""
    codes = [256, 0, *range(258, 500)] * 400
    bits, width = 0, 9
    out = bytearray()
    held = 0
    for code in codes:
        bits = (bits << width) | code
        held += width
        while held >= 8:
            held -= 8
            out.append((bits >> held) & 255)
        bits &= (1 << held) - 1
    return bytes(out)


BOMBS: dict[str, bytes] = {
    "flate": pdf([flate(b"\0" * 100_000_000)]),
    "flate in flate": pdf([flate(b"\0" * 100_000_000, times=2)]),
    "forty filters": pdf([stream(b"x", b"/Filter [" + b"/FlateDecode " * 40 + b"]")]),
    "run length": pdf([stream(_run_length(40_000_000), b"/Filter /RunLengthDecode")]),
    "lzw": pdf([stream(_lzw_of_zeros(), b"/Filter /LZWDecode")]),
    "a length that is not there": pdf([stream(b"BT ET", length=99_999_999_999)]),
    "a negative length": pdf([stream(b"BT ET", length=-5)]),
    "deep arrays in an object": pdf([b"<< /X " + b"[" * 100_000 + b"]" * 100_000 + b" >>"]),
    "deep dictionaries": pdf([b"<< /X " + b"<< /A " * 50_000 + b"1" + b" >>" * 50_000 + b" >>"]),
    "deep arrays in a page": pdf([stream(b"[" * 100_000 + b"]" * 100_000)]),
    "millions of operators": pdf([flate(b"BT (a) Tj ET\n" * 600_000)]),
    "many pages": pdf(["x"] * 21_000),
    "pages of pages": assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            *(
                b"<< /Type /Pages /Count 1000000 /Kids [%s] >>" % (b"%d 0 R " % (at + 3) * 100)
                for at in range(8)
            ),
            b"<< /Type /Page /MediaBox [0 0 10 10] >>",
        ]
    ),
    "pages in a circle": assembled(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>"]
    ),
    "a form that draws itself": assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R"
            b" /Resources << /XObject << /A 5 0 R >> >> >>",
            stream(b"/A Do " * 50),
            stream(
                b"/A Do " * 50,
                b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"
                b" /Resources << /XObject << /A 5 0 R >> >>",
            ),
        ]
    ),
    "a table that points at itself": assembled([b"<< /Type /Catalog >>"], b" /Prev 9"),
    "a huge object number": pdf(["x"]).replace(b"/Size 6", b"/Size 99999999999999"),
    "a reference to itself": assembled([b"1 0 R", b"2 0 R"]),
    "a wide predictor": pdf(
        [
            stream(
                zlib.compress(b"\2" * 10_000_000),
                b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 900000000 >>",
            )
        ]
    ),
    "a huge map of characters": assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>",
            stream(line("hello")),
            b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 6 0 R >>",
            stream(b"1 beginbfrange\n<0000> <FFFFFFFF> <0041>\nendbfrange\n" * 200),
        ]
    ),
    "ascii hex for ever": pdf([stream(b"41" * 5_000_000, b"/Filter /ASCIIHexDecode")]),
    "zeros": b"%PDF-1.4\n" + b"\0" * 3_000_000,
    "startxref for ever": b"%PDF-1.4\n" + b"startxref\n9\n" * 50_000,
    "objects for ever": b"%PDF-1.4\n" + b"1 0 obj\n" * 300_000,
    "brackets for ever": b"%PDF-1.4\n" + b"<<" * 1_000_000,
    "comments for ever": b"%PDF-1.4\n" + b"%\n" * 300_000 + b"trailer << >>",
    "strings in strings": pdf([stream(b"(" * 300_000)]),
    "a name without end": pdf([stream(b"/" + b"#41" * 1_000_000 + b" gs")]),
    "a number without end": pdf([stream(b"9" * 3_000_000 + b" Tz")]),
    "nothing": b"",
    "not a pdf": b"GIF89a" + b"x" * 1000,
    "cut off": pdf(["hello"])[:300],
}
