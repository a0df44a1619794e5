# stands in for prom/alertmanager:v0.28.1
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends prometheus-alertmanager \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=nobody --group=nogroup /alertmanager
ENTRYPOINT ["prometheus-alertmanager"]
