@echo off
rem Opens the page on which one asks "what if": double-click it, or drop a scenario or a workbook onto it.
rem Zeigt die Seite, auf der man "was waere, wenn" fragt: doppelt klicken, oder eine Datei darauf ziehen.
setlocal DisableDelayedExpansion
rem No program is taken from the folder in which this file lies.
set "NoDefaultCurrentDirectoryInExePath=1"
chcp 65001 >nul
set "PYTHONUTF8=1"
set "VORRAT=vorrat"
where $PATH:vorrat >nul 2>nul && goto open
rem uv and pipx put commands here; a window opened before the installation does not know yet.
set "VORRAT=%USERPROFILE%\.local\bin\vorrat.exe"
if exist "%VORRAT%" goto open
echo Vorrat is not installed for this user. See docs/install.md.
echo Vorrat ist hier nicht installiert. Siehe docs/install.md.
pause
goto end

:open
if "%~1"=="" ("%VORRAT%" open) else ("%VORRAT%" open "%~1")
if errorlevel 1 pause

:end
endlocal
