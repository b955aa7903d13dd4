"""Before and after the demo's tools run."""

BEFORE = "I will use the demo's tools, all at the same time."

NONE_OFFERED = """\
I would call a tool now, but none of mine was offered to me with this message. When tools are on \
for this conversation, the demo can call `demo_echo`, `demo_wait` and `demo_fail`.
"""

AFTER = "The tools are back:"

CLOSING = """\
With a real model, the tools could be your calendar, the weather or the lights in the kitchen. \
You would see each call with its arguments and its result, just as above.
"""
