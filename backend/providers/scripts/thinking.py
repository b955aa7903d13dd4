"""Reasoning first, then an answer."""

REASONING = """\
The message asks me to think. I am the demo, so I cannot, but I can show how it looks when a \
model does.

A bat and a ball cost 1.10 together, and the bat costs 1.00 more than the ball. The tempting \
answer is 0.10. Let me check it: then the bat would cost 1.10, and both together 1.20. Too much.

Let the ball cost x. Then the bat costs x + 1.00, and 2x + 1.00 = 1.10, so x = 0.05. Check: \
0.05 + 1.05 = 1.10, and the difference is 1.00. Good.
"""

ANSWER = """\
The ball costs **5 cents**, not 10.

With a ball at 10 cents the bat would be 1.10, and both together 1.20. If $x$ is the ball, then \
$2x + 1.00 = 1.10$, which gives $x = 0.05$.

(This was the demo. What stands folded above my answer is where a model's reasoning appears.)
"""
