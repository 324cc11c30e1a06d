"""What opens over the window and goes away again. One rule: opened with `open()` and heard by signals, never `.exec()`."""
