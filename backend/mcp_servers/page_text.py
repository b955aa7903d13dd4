"""A web page as text a model can read: headings, lists, links, and nothing that moves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin

_SKIPPED = frozenset(
    {"script", "style", "noscript", "template", "svg", "iframe", "object", "canvas", "nav"}
)
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "dd", "details", "div", "dl"),
        *("dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html"),
        *("legend", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot"),
        *("thead", "tr", "ul"),
    }
)
_APART = frozenset({"p", "pre", "blockquote", "table"})
"""An empty line goes before and after these."""
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_DEEPEST = 100
_LONGEST_ADDRESS = 500
_BLANK = re.compile(r"[ \t\r\f\v\n\u00a0]+")
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/<>]*+)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
_LONGEST_TAG = 20_000


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    closes: bool
    attributes: str

    def get(self, wanted: str) -> str:
        for name, *values in _ATTRIBUTE.findall(self.attributes):
            if name.lower() == wanted:
                return unescape("".join(values))
        return ""


def readable(html: str, address: str) -> tuple[str, str]:
    """The title and the text of a page. Damaged pages give what can be read of them."""
    page = _Page(address)
    for token in _tokens(html):
        match token:
            case _Text(text):
                page.say(text)
            case _Tag(name="title"):
                page.in_title = not token.closes and not page.title
            case _Tag(closes=True):
                page.close(token.name)
            case _Tag():
                page.open(token)
    return _BLANK.sub(" ", page.title).strip()[:300], page.text


def _tokens(html: str) -> Iterator[_Text | _Tag]:
    """In time proportional to the page, whatever it is: the library's parser takes minutes for
    half a megabyte of unclosed tags."""
    place = 0
    while (start := html.find("<", place)) >= 0:
        if start > place:
            yield _Text(html[place:start])
        if html.startswith("<!--", start):
            end = html.find("-->", start + 4)
            place = end + 3 if end >= 0 else len(html)
        elif html.startswith(("<!", "<?"), start):
            end = html.find(">", start)
            place = end + 1 if end >= 0 else len(html)
        elif (tag := _TAG.match(html, start, start + _LONGEST_TAG)) is None:
            yield _Text("<")
            place = start + 1
        else:
            found = _Tag(tag[2].lower(), bool(tag[1]), tag[3])
            yield found
            place = _after(html, found, tag.end())
    if place < len(html):
        yield _Text(html[place:])


def _after(html: str, tag: _Tag, place: int) -> int:
    """Where to go on: what scripts and their like hold is not looked at."""
    if tag.closes or tag.name not in _SKIPPED or tag.attributes.endswith("/"):
        return place
    end = re.compile(f"</{tag.name}[^<>]*>", re.IGNORECASE).search(html, place)
    return end.end() if end else len(html)


class _Page:
    def __init__(self, address: str) -> None:
        self.title = ""
        self.in_title = False
        self._address = address
        self._pieces: list[str] = []
        self._newlines = 2
        """At the end of the pieces; as many as a page begins with."""
        self._as_is = False
        self._lists: list[int | None] = []
        """The number of the last item, for each list around; None without numbers."""
        self._link: tuple[str, int] | None = None

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in "".join(self._pieces).split("\n")).strip()

    def say(self, text: str) -> None:
        text = unescape(text)
        if self.in_title:
            self.title += text[:1000]
            return
        if not self._as_is:
            text = _BLANK.sub(" ", text)
            if self._newlines or self._pieces[-1].endswith(" "):
                text = text.removeprefix(" ")
        if text:
            self._pieces.append(text)
            self._newlines = 0

    def open(self, tag: _Tag) -> None:
        name = tag.name
        if name in _HEADINGS:
            self._line(2)
            self._put(_HEADINGS[name])
        elif name in ("ul", "ol"):
            self._line(1 if self._lists else 2)
            if len(self._lists) < _DEEPEST:
                self._lists.append(0 if name == "ol" else None)
        elif name == "li":
            self._item()
        elif name in ("td", "th"):
            self._put("| " if self._newlines else " | ")
        elif name == "a":
            self._link = (tag.get("href"), len(self._pieces))
        elif name == "img" and (words := tag.get("alt")):
            self._put(f"[image: {words[:200]}]")
        elif name in _BLOCKS:
            self._line(2 if name in _APART else 1)
            self._as_is = self._as_is or name == "pre"

    def close(self, name: str) -> None:
        if name in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._line(1 if self._lists else 2)
        elif name == "a":
            self._close_link()
        elif name in _HEADINGS or name in _BLOCKS:
            self._line(2 if name in _HEADINGS or name in _APART else 1)
            self._as_is = self._as_is and name != "pre"

    def _put(self, text: str) -> None:
        self._pieces.append(text)
        self._newlines = 0

    def _line(self, count: int) -> None:
        if count > self._newlines:
            self._pieces.append("\n" * (count - self._newlines))
            self._newlines = count

    def _item(self) -> None:
        self._line(1)
        mark = "- "
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}. "
        self._put("  " * min(max(len(self._lists) - 1, 0), 8) + mark)

    def _close_link(self) -> None:
        if self._link is None:
            return
        (target, start), self._link = self._link, None
        inside = "".join(self._pieces[start:])
        address = _joined(self._address, target)
        if address and (words := _BLANK.sub(" ", inside).strip()):
            after = " " if inside.endswith(" ") else ""
            self._pieces[start:] = [f"[{words}]({address}){after}"]
            self._newlines = 0


def _joined(address: str, target: str) -> str | None:
    """Where a link leads; None for what is no page: scripts, anchors, mail."""
    if not target or target.startswith("#"):
        return None
    try:
        joined = urljoin(address, target.strip())
    except ValueError:
        return None
    is_page = joined.startswith(("http://", "https://")) and len(joined) <= _LONGEST_ADDRESS
    return joined.replace(" ", "%20").replace(")", "%29") if is_page else None
