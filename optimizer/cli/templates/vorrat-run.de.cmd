@echo off
rem Eine Vorrat-Arbeitsmappe auf diese Datei ziehen, oder doppelt klicken und eine waehlen.
rem Administratorrechte sind nicht noetig. Woher vorrat kommt: docs/install.md
rem Die Texte stehen ohne Umlaute hier, damit sie auf jedem Rechner lesbar sind.
setlocal DisableDelayedExpansion
rem No program is taken from the folder in which this file lies.
set "NoDefaultCurrentDirectoryInExePath=1"
chcp 65001 >nul
set "PYTHONUTF8=1"
set "BOOK=%~1"

set "VORRAT=vorrat"
where $PATH:vorrat >nul 2>nul && goto choose
rem Hierhin legen uv und pipx ihre Befehle; ein vorher geoeffnetes Fenster weiss das noch nicht.
set "VORRAT=%USERPROFILE%\.local\bin\vorrat.exe"
if exist "%VORRAT%" goto choose
echo Vorrat ist hier nicht installiert. Siehe docs/install.md.
goto hold

:choose
if defined BOOK goto run
for /f "usebackq delims=" %%F in (`powershell -NoProfile -STA -Command "[Console]::OutputEncoding = [Text.Encoding]::UTF8; Add-Type -AssemblyName System.Windows.Forms; $d = New-Object System.Windows.Forms.OpenFileDialog; $d.Title = 'Vorrat: Arbeitsmappe auswaehlen'; $d.Filter = 'Vorrat (*.xlsx;*.xlsm;*.yaml)|*.xlsx;*.xlsm;*.yaml;*.yml'; $d.InitialDirectory = (Get-Location).Path; if ($d.ShowDialog() -eq 'OK') { $d.FileName }"`) do set "BOOK=%%F"
if defined BOOK goto run
echo Es wurde keine Arbeitsmappe gewaehlt. Sie laesst sich auch auf diese Datei ziehen.
goto hold

:run
echo Vorrat rechnet mit "%BOOK%"
echo Zuerst kommt der Plan, nach Sekunden oder Minuten, und sein Bericht oeffnet sich. Alles Weitere folgt.
echo Strg-C beendet eine Suche und behaelt den besten Plan.
"%VORRAT%" run --open --everything --language de "%BOOK%"
set "CODE=%ERRORLEVEL%"
echo.
if "%CODE%"=="0" echo Fertig. Ist der Bericht im Browser offen, zeigt F5 ihn mit allem.
if "%CODE%"=="1" echo Die Suche endete an einer Grenze: Der Plan ist geprueft, ein besserer ist moeglich.
if "%CODE%"=="2" echo Zuerst ist etwas zu berichtigen: siehe oben oder die Fehlerliste.
if "%CODE%"=="3" echo Kein Plan haelt alle Regeln ein: siehe oben oder die Fehlerliste.
if "%CODE%"=="4" echo In der gegebenen Zeit wurde kein Plan gefunden.
if "%CODE%"=="5" echo Etwas ist fehlgeschlagen, das nicht sollte. Bitte melden, was oben steht.

:hold
echo.
pause
endlocal
