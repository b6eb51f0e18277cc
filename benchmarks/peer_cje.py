"""Runs the peer (cje-eval) inside its own virtual environment: reads one estimator name a line, answers with its
seconds and estimates.

Started by `benchmarks.estimation` with the peer's interpreter; imports nothing of this project.
"""

import json
import logging
import sys
import time
import warnings

import cje

logged_path, draws_dir = sys.argv[1:3]
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    name = line.strip()
    # Importance sampling takes no fresh draws.
    draws = {} if name.endswith("ips") else {"fresh_draws_dir": draws_dir}
    started = time.perf_counter()
    result = cje.analyze_dataset(logged_data_path=logged_path, estimator=name, **draws)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "estimates": [float(value) for value in result.estimates]}), flush=True)
