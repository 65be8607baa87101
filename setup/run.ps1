# For Windows: everything installed, then the show:  powershell -ExecutionPolicy Bypass -File setup\run.ps1 [vj live options]
& "$PSScriptRoot\run.bat" @args
exit $LASTEXITCODE
