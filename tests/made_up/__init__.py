"""Made-up data, for tests and benchmarks alike; nothing here imports either.

`frames`: small tables that satisfy every rule, each value by prompt and policy alone. `experiment`, `tables`,
`results`, `studies`: experiments of any size whose labels, scores and weights hang together. `cheap_model`: a model
and a judge that cost nothing. `result_rows`: single rows for the charts.
"""
