#!/bin/sh
# Opens the page on which one asks "what if" (macOS: double-click it in the Finder).
# Öffnet die Seite, auf der man "was wäre, wenn" fragt (macOS: im Finder doppelt klicken).
PATH="$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:$PATH"
if ! command -v vorrat >/dev/null; then
  echo "Vorrat is not installed for this user. See docs/install.md."
  echo "Vorrat ist für diesen Benutzer nicht installiert. Siehe docs/install.md."
  exit 1
fi
exec vorrat open "$@"
