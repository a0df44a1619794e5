# stands in for prom/prometheus:v3.5.0
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends prometheus \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=nobody --group=nogroup /prometheus
ENTRYPOINT ["prometheus"]
