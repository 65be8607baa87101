@echo off
rem For Windows: everything installed, then the show:  setup\run.bat [vj live options]
setlocal
set "here=%~dp0"
for %%P in ("py -3" "python") do (
    %%~P "%here%doctor.py" --interpreter >nul 2>nul && (
        %%~P "%here%install.py" run %*
        exit /b
    )
)
where uv >nul 2>nul && (
    uv run --quiet --no-project --python 3.12 "%here%install.py" run %*
    exit /b
)
echo phosphene: no Python 3.11 or newer found 1>&2
echo   (one of the Microsoft Store does not do: Windows puts elsewhere what it writes) 1>&2
echo   winget install Python.Python.3.12 1>&2
echo   or uv: winget install astral-sh.uv 1>&2
echo   then run this again 1>&2
exit /b 2
