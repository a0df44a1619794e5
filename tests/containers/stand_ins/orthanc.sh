#!/bin/sh
# What orthancteam's own entry point does: one configuration from all folders.
set -eu
mkdir /tmp/configuration
cat >/tmp/configuration/image.json <<JSON
{
  "StorageDirectory": "/var/lib/orthanc",
  "IndexDirectory": "/var/lib/orthanc",
  "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"]
}
JSON
cp /etc/orthanc/*.json /run/secrets/*.json /tmp/configuration/
exec Orthanc /tmp/configuration
