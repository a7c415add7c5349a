# The worker and every other command, without the embedded engines: in production an address is missing loudly.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements/runtime.txt requirements/build.txt ./
RUN python -m venv --without-pip /opt/outcomes \
 && python -m venv /opt/build \
 && /opt/build/bin/pip --python /opt/outcomes/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r runtime.txt \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r build.txt
COPY pyproject.toml README.md ./
COPY consumer consumer
COPY migrations migrations
COPY schemas schemas
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels . \
 && /opt/build/bin/pip --python /opt/outcomes/bin/python install --no-cache-dir --disable-pip-version-check --no-deps /build/wheels/*.whl

FROM python:3.13-slim
# Nothing can be installed in a running container.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
 && rm -rf "$(python -c 'import ensurepip; print(ensurepip.__path__[0])')" \
 && groupadd --gid 10001 outcomes \
 && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin outcomes \
 && install --directory --mode 700 --owner 10001 --group 10001 /var/lib/outcomes
COPY --from=build /opt/outcomes /opt/outcomes
ENV PATH=/opt/outcomes/bin:$PATH PYTHONUNBUFFERED=1 OUTCOMES_LOG_FORMAT=json
# By number: Kubernetes' runAsNonRoot cannot know whether a name is root's.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 8000 8100
# Asks whichever of `worker`, `intake` and `serve` runs; other commands count as healthy.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=2 CMD ["python", "-m", "consumer.healthcheck", "livez"]
ENTRYPOINT ["outcomes"]
CMD ["worker"]
