# stands in for nginx:1.28
FROM debian:13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends nginx-light \
    && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
