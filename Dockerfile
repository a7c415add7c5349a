# The worker and every other command, without the embedded engines: in production an address is missing loudly.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements/runtime.txt requirements/build.txt ./
RUN python -m venv /opt/outcomes \
 && /opt/outcomes/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r runtime.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r build.txt
COPY pyproject.toml README.md ./
COPY canvas canvas
COPY consumer consumer
COPY migrations migrations
COPY schemas schemas
COPY simulator simulator
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels . \
 && /opt/outcomes/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /build/wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin outcomes
COPY --from=build /opt/outcomes /opt/outcomes
ENV PATH=/opt/outcomes/bin:$PATH PYTHONUNBUFFERED=1 OUTCOMES_LOG_FORMAT=json
USER outcomes
WORKDIR /tmp
EXPOSE 8080 8000
# Of the worker; `serve` is asked at another port: docker-compose.yml shows how.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=2)"]
ENTRYPOINT ["outcomes"]
CMD ["worker"]
