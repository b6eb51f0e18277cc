"""The only place that imports llama_cpp: model files, chat template, generation, teacher forcing."""
