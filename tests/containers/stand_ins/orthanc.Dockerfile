# stands in for orthancteam/orthanc:26.8.1
# Of what that image does, the variables and paths that compose.yaml uses.
FROM debian:13-slim
RUN groupadd --gid 999 orthanc \
    && useradd --uid 999 --gid 999 --home-dir /var/lib/orthanc orthanc \
    && apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends orthanc orthanc-dicomweb python3 \
    && rm -rf /var/lib/apt/lists/* /var/lib/orthanc /etc/orthanc \
    && install --directory --owner=orthanc /var/lib/orthanc \
    && install --directory /etc/orthanc /probes
COPY orthanc.sh /orthanc.sh
COPY orthanc_alive.py /probes/test-aliveness.py
ENTRYPOINT ["sh", "/orthanc.sh"]
