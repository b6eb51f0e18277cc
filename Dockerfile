# The image that deploy/k8s/dagster.yaml names: the steps of docs/cluster.md for each machine, and nothing else.
FROM python:3.13-slim-trixie

RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/arena-oracle
COPY . .
RUN make .venv/installed-cluster
# Brings a model into the image; without this line mount the models' folder at /opt/arena-oracle/models.
ARG MODEL=smollm2
RUN .venv/bin/arena fetch-model ${MODEL}

ENV PATH=/opt/arena-oracle/.venv/bin:$PATH
