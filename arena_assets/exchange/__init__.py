"""Data in and out: logs of other tools become tables, tables become the files that other tools read."""

# Names of what is read and written; here, since the command's help must not wait for what reads and writes it.
IMPORT_FORMATS = ("precomputed-sampler", "cje", "original")
EXPORT_FORMATS = ("precomputed-sampler", "cje", "parquet", "hf")
