"""What the demo says when no word of the message asks for anything else."""

FIRST = """\
Hello! This is Parlor's **demo**. No language model is connected, so what you read here is \
written in advance, but everything around it is real: the streaming, the stop button, the \
history, the tools.

Try one of these, each is a message you can send:

| Send a message with | and you will see |
|---|---|
| `markdown` | headings, tables, code, maths, lists |
| `long` | an answer of about 1,500 words; stop it, reload the page, come back |
| `think` | reasoning first, then the answer |
| `tool` | two tools running at the same time |
| `slow` | one word a second |
| `fail` | what a failure looks like, half-way |
| `busy` | a provider that has no time |

To talk to a real model, give Parlor a key and start it again:

```sh
OPENROUTER_API_KEY=your-key make run
```

or point it to a server of your own (llama.cpp, Ollama, vLLM) with `CHAT_LLM_API_BASE`.
"""

AGAIN = """\
Still the demo: I cannot understand you, I only look for certain words in what you write.

The words are `markdown`, `long`, `think`, `tool`, `slow`, `fail`, `busy` and `empty`. \
With a key for a model in the settings you would be reading a real answer now.
"""

SLOW = """\
This demo answer takes its time. One word comes every second, so that you can watch, stop, or \
reload in the middle. Nothing gets lost.
"""

INTERRUPTED = """\
This demo answer is going to break off. The words you see so far are kept, and below them you \
should find what went wrong together with a way to try again. It happens in about
"""
