"""Every threshold of the rules, each once and with its reason."""

# Of P0's own responses under P0: what it sampled has some -2 nats a token, so an average of -40 means a wrong model, a
# wrong template or a broken file. A target may put any probability on a text of another policy.
LOWEST_LOGPROB_PER_TOKEN = -40.0

# Shares of a batch above which its weights would be those of a selection, not of the policy.
MAX_ZERO_SHARE = 0.05
MAX_MISSING_SHARE = 0.05
MAX_REJECTED_SHARE = 0.05

# pi_clone's log ratio is 0.0 to the last bit under replay; the tolerance leaves room for nothing but the last digits of
# a data set that was written as text.
CLONE_LOG_RATIO_TOLERANCE = 1e-6

# A judge or oracle that fails more often than this scores a selection of the responses.
MAX_UNSCORED_SHARE = 0.05

# Above this share of responses cut at max_tokens, policies differ by where they are cut as much as by what they say.
TRUNCATED_SHARE_TO_NOTE = 0.50

# Rounding of sums of float64.
ROUNDING = 1e-9

# Effective sample size as a share of a batch's rows below which its weights say little (Landesberg 2025, overlap gate).
LOWEST_OVERLAP = 0.10
