# stands in for postgres:17.6-bookworm
# Of what that image does, the variables and paths that compose.yaml uses.
FROM debian:13-slim
RUN groupadd --gid 999 postgres \
    && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
    && apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends postgresql-17 \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/17 \
    && install --directory --owner=postgres --mode=1777 /var/lib/postgresql/data /var/run/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
COPY postgres.sh /postgres.sh
ENTRYPOINT ["sh", "/postgres.sh"]
