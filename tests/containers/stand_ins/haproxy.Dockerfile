# stands in for haproxy:3.2-alpine
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory /usr/local/etc/haproxy
STOPSIGNAL SIGUSR1
ENTRYPOINT ["sh", "-c", "exec \"$@\" -W -db", "sh"]
CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
