# The course in a container: to grade in (docs/instructors.md says how), and to work in (.devcontainer).
FROM python:3.12-slim
WORKDIR /course
COPY README.md LICENSE LICENSE-text pyproject.toml requirements.txt install.py ./
COPY course_utils course_utils
COPY notebooks notebooks
RUN UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1 python install.py
ENV PATH=/course/.venv/bin:$PATH
