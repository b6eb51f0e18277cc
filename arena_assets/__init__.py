"""Arena Oracle: how far LLM-judge scores and off-policy estimators can be trusted."""
