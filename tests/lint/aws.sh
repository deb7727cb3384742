#!/usr/bin/env bash
# What contrib/aws gives to Amazon's services is well formed, and its checker finds what is not.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
. "${SME_TEST_SRCDIR:-.}/tests/tap/tap.sh"
python3 -c 'import yaml' 2>/dev/null || skip_all "python3-yaml is not installed"
aws=$srcdir/contrib/aws

ok "the template and the document have no mistakes" "$aws/lint"
ok "the checker finds every damage of its self-test" "$aws/lint" --self-test

# Also when the damage is in the file itself.
damaged() {
    local name=$1 words=$2 file=$3 change=$4 out
    cp "$aws/cloudformation.yaml" "$aws/ssm-document.yaml" "$TMPDIR/"
    chmod u+w "$TMPDIR"/*.yaml
    sed -i -e "$change" "$TMPDIR/$file"
    if cmp -s "$aws/$file" "$TMPDIR/$file"; then
        fail "$name" "the change did nothing"
    elif out=$("$aws/lint" "$TMPDIR/cloudformation.yaml" "$TMPDIR/ssm-document.yaml" 2>&1); then
        fail "$name" "it was not refused"
    else
        case $out in
        *"$words"*) pass "$name" ;;
        *) fail "$name" "$out" ;;
        esac
    fi
}
damaged "a wrong !Ref is refused" "refers to 'Buckett'" cloudformation.yaml 's/!Ref Bucket$/!Ref Buckett/'
damaged "a wrong !GetAtt is refused" "no attribute 'Name'" cloudformation.yaml 's/!GetAtt Role\.Arn/!GetAtt Role.Name/'
damaged "a wrong !Sub is refused" "refers to 'Prefixx'" cloudformation.yaml 's/Prefix}keys/Prefixx}keys/'
damaged "a wrong !If is refused" "condition 'HasLok'" cloudformation.yaml 's/\[HasLock, true/[HasLok, true/'
damaged "YAML that cannot be read is refused" "not YAML" cloudformation.yaml 's/^Resources:$/Resources: [/'
damaged "a run that may delete is refused" "no server needs" cloudformation.yaml "s/Action: 's3:PutObject'/Action: 's3:DeleteObject'/"
damaged "a parameter for any text is refused" "a shell would see it" ssm-document.yaml \
    "s/allowedPattern: '^(\[a-z0-9\].*/allowedPattern: '^.*\$'/"
damaged "a parameter outside quotes is refused" "outside single quotes" ssm-document.yaml "s/''{{ source }}''/{{ source }}/"

# The script of the document is one that a shell accepts, and it does what it says.
script=$TMPDIR/script
python3 - "$aws/ssm-document.yaml" >"$script" <<'PYTHON'
import sys
import yaml
for line in yaml.safe_load(open(sys.argv[1], encoding="utf-8"))["mainSteps"][0]["inputs"]["runCommand"]:
    print(line)
PYTHON
ok "the document's script is one" sh -n "$script"
mkdir "$TMPDIR/bin"
printf '%s\n' '#!/bin/sh' 'printf "[%s]" "$@"' >"$TMPDIR/bin/sme-backup"
chmod +x "$TMPDIR/bin/sme-backup"
# filled ACTION SOURCE PATH: run the script as Systems Manager would fill it in.
filled() {
    sed -e "s|{{ action }}|$1|; s|{{ source }}|$2|; s|{{ path }}|$3|; s|{{ snapshot }}|latest|" \
        -e "s|{{ target }}|/tmp/x|; s|{{ overwrite }}|never|; s|^PATH=|PATH=$TMPDIR/bin:|" "$script" | sh 2>&1
}
is "$(filled run '' '')" "[run]" "run: all sources"
is "$(filled drill documents '')" "[drill][documents]" "drill: one source"
is "$(filled restore documents 'a b/c')" "[restore][--to][/tmp/x][--overwrite][never][--][documents@latest][a b/c]" \
    "restore: one path, with a space"
is "$(filled restore '' '')" "restore needs a source" "restore: not without a source"
finish
