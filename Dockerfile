# Two images of one file: `core` (worker, coordinator, replay, ingest, console, and every command that trains nothing) and `full`, with
# TensorFlow, which device hosts and training need. Which program runs is the command: worker, coordinator, device, replay, …
# Built by `docker compose build`, or by hand: docker build --target core --tag fedsecure-core . && docker build --target full --tag fedsecure .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
# One date for all files, so that the same sources give the same layers.
ARG SOURCE_DATE_EPOCH=1767225600

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# The libraries are exported from uv.lock (`make requirements`), hashes included: the same files every time. Their own tests, sources of
# compiled parts and TensorFlow's C++ headers, 0.3 GB, are what no program reads.
FROM build AS core-libraries
ARG SOURCE_DATE_EPOCH
COPY --chmod=644 requirements-core.txt ./
RUN python -m pip install --require-hashes --no-deps --no-compile --target /opt/fedsecure/lib --requirement requirements-core.txt \
 && rm -rf /opt/fedsecure/lib/bin \
 && find /opt/fedsecure/lib -type d -name tests -prune -exec rm -rf {} + \
 && find /opt/fedsecure/lib -type f -regex '.*\.\(pyi\|pyx\|pxd\|h\|c\)' -delete \
 && python -m compileall -q --invalidation-mode unchecked-hash -j 0 /opt/fedsecure/lib \
 && find /opt/fedsecure/lib -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

FROM build AS full-libraries
ARG SOURCE_DATE_EPOCH
COPY --chmod=644 requirements.txt ./
RUN python -m pip install --require-hashes --no-deps --no-compile --target /opt/fedsecure/lib --requirement requirements.txt \
 && rm -rf /opt/fedsecure/lib/bin /opt/fedsecure/lib/tensorflow/include \
 && find /opt/fedsecure/lib -type d -name tests -prune -exec rm -rf {} + \
 && find /opt/fedsecure/lib -type f -regex '.*\.\(pyi\|pyx\|pxd\|h\|c\)' -delete \
 && python -m compileall -q --invalidation-mode unchecked-hash -j 0 /opt/fedsecure/lib \
 && find /opt/fedsecure/lib -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

FROM build AS programs
ARG SOURCE_DATE_EPOCH
# Modes are said here, not taken from the clone: under umask 077 the programs' user could read nothing.
COPY --chmod=755 contracts /opt/fedsecure/app/contracts
COPY --chmod=755 transport /opt/fedsecure/app/transport
COPY --chmod=755 detectors /opt/fedsecure/app/detectors
COPY --chmod=755 ingest /opt/fedsecure/app/ingest
COPY --chmod=755 replay /opt/fedsecure/app/replay
COPY --chmod=755 streams /opt/fedsecure/app/streams
COPY --chmod=755 fl_coordinator /opt/fedsecure/app/fl_coordinator
COPY --chmod=755 fl_device /opt/fedsecure/app/fl_device
COPY --chmod=755 experiments /opt/fedsecure/app/experiments
COPY --chmod=755 console /opt/fedsecure/app/console
COPY --chmod=755 fedsecure /opt/fedsecure/app/fedsecure
# Programs ask the package's metadata for their version.
ARG VERSION=0.1.0
RUN mkdir "/opt/fedsecure/app/fedsecure-${VERSION}.dist-info" \
 && printf 'Metadata-Version: 2.1\nName: fedsecure\nVersion: %s\n' "${VERSION}" > "/opt/fedsecure/app/fedsecure-${VERSION}.dist-info/METADATA" \
 && python -m compileall -q --invalidation-mode unchecked-hash -j 0 /opt/fedsecure/app \
 && find /opt/fedsecure/app -type f -exec chmod 644 {} + \
 && mkdir -p /state \
 && find /opt/fedsecure/app /state -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

FROM ${PYTHON_IMAGE} AS run
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="FedSecure" \
      org.opencontainers.image.description="Keeps poisoned medical devices out of federated models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=programs --chown=10001:10001 /state /var/lib/fedsecure
ENV PYTHONPATH=/opt/fedsecure/app:/opt/fedsecure/lib \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=3 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp \
    FEDSECURE_STATE_DIR=/var/lib/fedsecure \
    FEDSECURE_METRICS_HOST=0.0.0.0 \
    FEDSECURE_METRICS_PORT=9100
USER 10001:10001
WORKDIR /var/lib/fedsecure
EXPOSE 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 CMD ["python", "-m", "fedsecure.healthcheck"]
ENTRYPOINT ["python", "-m", "fedsecure"]
CMD ["--help"]

# Layers of their own: new code is then megabytes to build, to send and to keep, not the libraries again.
FROM run AS core
COPY --from=core-libraries /opt/fedsecure/lib /opt/fedsecure/lib
COPY --from=programs /opt/fedsecure/app /opt/fedsecure/app

FROM run AS full
COPY --from=full-libraries /opt/fedsecure/lib /opt/fedsecure/lib
COPY --from=programs /opt/fedsecure/app /opt/fedsecure/app
