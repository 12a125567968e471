@echo off
rem Drop a Vorrat workbook onto this file, or double-click it and choose one.
rem It needs no administrator rights. Where to get vorrat: docs/install.md
setlocal DisableDelayedExpansion
rem No program is taken from the folder in which this file lies.
set "NoDefaultCurrentDirectoryInExePath=1"
chcp 65001 >nul
set "PYTHONUTF8=1"
set "BOOK=%~1"

set "VORRAT=vorrat"
where $PATH:vorrat >nul 2>nul && goto choose
rem uv and pipx put commands here; a window opened before the installation does not know yet.
set "VORRAT=%USERPROFILE%\.local\bin\vorrat.exe"
if exist "%VORRAT%" goto choose
echo Vorrat is not installed for this user. See docs/install.md.
goto hold

:choose
if defined BOOK goto run
for /f "usebackq delims=" %%F in (`powershell -NoProfile -STA -Command "[Console]::OutputEncoding = [Text.Encoding]::UTF8; Add-Type -AssemblyName System.Windows.Forms; $d = New-Object System.Windows.Forms.OpenFileDialog; $d.Title = 'Vorrat: choose a workbook'; $d.Filter = 'Vorrat (*.xlsx;*.xlsm;*.yaml)|*.xlsx;*.xlsm;*.yaml;*.yml'; $d.InitialDirectory = (Get-Location).Path; if ($d.ShowDialog() -eq 'OK') { $d.FileName }"`) do set "BOOK=%%F"
if defined BOOK goto run
echo No workbook was chosen. A workbook can also be dropped onto this file.
goto hold

:run
echo Vorrat works on "%BOOK%"
echo The plan comes first, in seconds or minutes, and its report opens. What else there is to say follows.
echo Ctrl-C stops a search and keeps the best plan found.
"%VORRAT%" run --open --everything "%BOOK%"
set "CODE=%ERRORLEVEL%"
echo.
if "%CODE%"=="0" echo Done. If the report is open in a browser, reload it (F5) to see all of it.
if "%CODE%"=="1" echo A limit was met first: the plan is checked, a better one may exist.
if "%CODE%"=="2" echo Something has to be put right first: see above, or the list of faults.
if "%CODE%"=="3" echo No plan keeps all rules: see above, or the list of faults.
if "%CODE%"=="4" echo No plan was found in the time given.
if "%CODE%"=="5" echo Something failed that should not. Please report what stands above.

:hold
echo.
pause
endlocal
