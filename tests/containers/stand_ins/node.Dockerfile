# stands in for node:22-slim
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends npm \
    && rm -rf /var/lib/apt/lists/*
