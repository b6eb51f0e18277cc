"""Judge and oracle behind the OpenAI API, or any server that speaks it."""
