#!/usr/bin/env bats
# The gallery: the page that is written, and what a browser makes of it.
#
# Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
load helpers.bash

# One library, one snapshot, one page; the tests only look at them.
setup_file() {
    export LIB=$BATS_FILE_TMPDIR/library SHARED=$BATS_FILE_TMPDIR/shared MADE=0
    [ -e "$SME_TEST_BUILDDIR/plugins/photos.so" ] || return 0
    "$SME_TEST_SRCDIR/tests/tools/make-photos" "$LIB" 2>"$BATS_FILE_TMPDIR/missing" || {
        [ $? -eq 77 ] || return 1
        return 0
    }
    # Names and keywords that would like to be more than that.
    local photo=$LIB/2023/paris/IMG_0001.JPG
    mkdir "$LIB/evil<"
    cp "$photo" "$LIB/evil</script><img src=x onerror=console.error('ran')>.JPG"
    cp "$photo" "$LIB/it's [odd]*, \$(touch ran) \`touch ran\`.JPG"
    cp "$photo" "$LIB/"$'raw\xff\nline.JPG'
    cp "$photo" "$LIB/-to.JPG"
    exiftool -q -q -overwrite_original -Subject="</script><script>console.error('ran')</script>" -Orientation#=8 "$LIB/-to.JPG"
    mkdir "$SHARED"
    BATS_TEST_TMPDIR=$SHARED
    common_setup
    rm "$CONF/20-docs.ini"
    printf '%s\n' '[source photos]' 'plugin = photos' "path = $LIB" >"$CONF/20-photos.ini"
    init_repository
    sme run --quiet 2>/dev/null || [ $? -eq 3 ] # some photos are broken on purpose
    sme gallery photos --to "$SHARED/page.html" --quiet
    MADE=1
}

setup() {
    common_setup
    [ -e "$SME_TEST_BUILDDIR/plugins/photos.so" ] || skip "this build leaves photos out"
    [ "$MADE" = 1 ] || skip "$(cat "$BATS_FILE_TMPDIR/missing")"
    CONF=$SHARED/conf.d PAGE=$SHARED/page.html
}

# browse [HASH]: what the browser has made of the page, in $dom; fails if it complained.
browse() {
    command -v chromium >/dev/null || skip "needs chromium"
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$(mktemp -d "$T/browser.XXXX")" \
        --enable-logging=stderr --allow-file-access-from-files --window-size=1440,900 --virtual-time-budget="${budget:-4000}" --dump-dom \
        "file://$PAGE${1:+#$1}" >"$T/dom" 2>"$T/said" 3>&- 4>&- || fail "chromium: exit $?: $(tail -n 3 "$T/said")"
    ! grep -F ':CONSOLE:' "$T/said" || fail "the browser complains"
    dom=$(<"$T/dom")
}

shows() { [[ $dom == *"$1"* ]] || fail "the page does not show '$1'"; }
shows_not() { [[ $dom != *"$1"* ]] || fail "the page shows '$1'"; }
# tiles [PATTERN]: how many there are that match.
tiles() { grep -oE '<div class="tile[^>]*>' <<<"$dom" | grep -cE -e "${1:-.}" || :; }
# The command that the page shows, as text.
command_shown() {
    perl -0777 -ne 'if (/<pre id="command"[^>]*>(.*?)<\/pre>/s) { $_ = $1; s/&lt;/</g; s/&gt;/>/g; s/&amp;/&/g; print }' "$T/dom"
}
# number NAME: of the photo whose path begins so, in the order of the page.
number() {
    perl -0777 -ne 'my $i = 0; while (/^\{"p":"((?:[^"\\]|\\.)*)"/mg) { print "$i\n" if index($1, $ENV{NAME}) == 0; $i++ }' "$PAGE" |
        head -n 1
}

@test "one file, private, whole, never in place of another" {
    exits 0 gallery photos --to "$T/one.html"
    prints "photos and 2 videos"
    prints "in '$T/one.html'"
    [ "$(stat -c %a "$T/one.html")" = 600 ]
    [ "$(ls -A "$T" | grep -c '\.tmp$')" -eq 0 ]
    cmp "$T/one.html" "$PAGE"
    echo mine >"$T/one.html"
    exits 1 gallery photos --to "$T/one.html"
    says "'$T/one.html' exists already"
    says "--overwrite always"
    [ "$(cat "$T/one.html")" = mine ]
    exits 0 gallery photos --to "$T/one.html" --overwrite always --json
    json '.videos == 2 and .photos > 20 and .damaged == 2 and .previews > 10 and .exit == 0'
    json ".bytes == $(stat -c %s "$T/one.html")"
    cmp "$T/one.html" "$PAGE"
}

@test "what cannot work is said, and nothing is left behind" {
    exits 2 gallery photos
    says "--to FILE.html is needed"
    exits 2 gallery photos --to "$T/x.html" --overwrite if-changed
    says "never or always"
    exits 2 gallery photos --to "$T"
    says "is a folder"
    exits 1 gallery photos --to "$T/none/x.html"
    says "cannot open folder '$T/none/'"
    exits 1 gallery photos nothing/here --to "$T/x.html"
    says "matches 'nothing/here'"
    exits 1 gallery photos other/notes.txt --to "$T/x.html"
    says "there are no photos in snapshot"
    [ -z "$(find "$T" -newer "$CONF/00-core.ini" \( -name '*.html' -o -name '*.tmp' \))" ]
}

@test "a snapshot without photos has no gallery" {
    CONF=$T/conf.d
    backed_up
    exits 1 gallery docs --to "$T/x.html"
    says "there are no photos in snapshot"
    says "plugin is 'photos'"
    [ ! -e "$T/x.html" ]
}

@test "a part of the library, with what belongs to it" {
    exits 0 gallery photos 2024/nairobi/raw/DSC_0100.JPG --to "$T/part.html" --json
    json '.photos == 1 and .videos == 0'
    grep -qF '"e":["2024/nairobi/raw/DSC_0100.DNG","2024/nairobi/raw/DSC_0100.xmp"]' "$T/part.html"
    grep -qF '"k":["sunrise"]' "$T/part.html" # the sidecar knows
}

@test "the page asks nobody, and only its own script may run" {
    local policy
    policy=$(sed -nE 's/.*Content-Security-Policy" content="([^"]*)".*/\1/p' "$PAGE")
    [[ $policy == "default-src 'none'; img-src data:; "* ]]
    [[ $policy != *unsafe* ]]
    ! grep -nE '(src|href)="?(https?:|//)|url\(|@import' "$PAGE" || false
    # Whatever a file is called: a script ends where the page wants it to.
    [ "$(grep -c '<script>' "$PAGE")" -eq 1 ]
    ! grep -F 'onerror=console' "$PAGE" | grep -F '<img' || false
}

@test "browser: the first months are shown, turned as they were taken, newest first" {
    browse
    shows '<title>photos – '
    [ "$(tiles)" -gt 5 ]
    shows '<img alt="" decoding="async" draggable="false"'
    shows 'src="data:image/jpeg;base64,/9j/'
    [ "$(tiles 'class="tile o6".*aria-label="P1000001.JPG, 24 December 2024, 19:00, Panasonic DMC-GX80"')" -eq 1 ]
    [ "$(grep -oE '<h2 id="m[^"]*">[^<]*' <<<"$dom" | sed 's/.*>//' | tr '\n' ',')" = \
        "December 2024,November 2024,August 2024,July 2024,June 2024,May 2023,July 1998,Without a date," ]
    # A film whose camera made a small picture, and one without: its name.
    shows 'MVI_0001.MP4'
    [[ $dom != *'<bdi>MVI_0001.MP4</bdi>'* ]]
    shows '<bdi>IMG_2003.MOV</bdi>'
}

@test "browser: search by name, camera, keyword, date, place, and what is damaged" {
    local case
    for case in 'q=dscf1002=1' 'q=x-t4=3' 'q=tierpark zurich=1' 'q=2024-12=1' 'q=2024-06..2024-07=7' 'q=is:video=2' \
        'q=near:-1.29,36.82,5km=2' 'q=near:-1.29,36.82,500km is:photo=4' 'q=rating:5 giraffe=1' 'q="30 june 2024"=1' \
        'q=is:damaged=2' 'q=sunrise is:raw=1' 'q=nothing like it=0'; do
        browse "${case%=*}"
        [ "$(tiles)" -eq "${case##*=}" ] || fail "${case%=*}: $(tiles) tiles: $(grep -oE 'aria-label="[^"]*"' <<<"$dom")"
        shows ">${case##*=} found<"
    done
    shows 'Nothing like that in this snapshot.'
    browse 'q=is:damaged'
    shows '</svg>damaged</span>'
    [ "$(tiles 'cut-off.jpg, .*damaged')" -eq 1 ]
    browse 'q=is:video'
    shows '</svg>0:01</span>'
}

@test "browser: what is selected can be restored with the command that is shown" {
    local i list= name
    for name in -to.JPG 'it\u0027s' 'raw\udcff' 'evil' 2024/nairobi/raw/DSC_0100.JPG; do
        i=$(NAME=$name number)
        [ -n "$i" ] || fail "not on the page: $name"
        list+=${list:+,}$i
    done
    browse "s=$list"
    shows '5 selected'
    shows '2 files that belong to them: included.'
    command_shown >"$T/command"
    grep -qF "restore photos@$(snapshots photos) --to restored --" "$T/command" || fail "$(cat "$T/command")"
    # As a person does it, in a shell.
    mkdir "$T/there" "$T/bin"
    ln -s "$SME_BACKUP" "$T/bin/sme-backup"
    (cd "$T/there" && PATH=$T/bin:$PATH bash "$T/command")
    [ "$(find "$T/there" -type f -printf x)" = xxxxxxx ]
    cmp "$T/there/restored/-to.JPG" "$LIB/-to.JPG"
    cmp "$T/there/restored/"$'raw\xff\nline.JPG' "$LIB/"$'raw\xff\nline.JPG'
    [ -e "$T/there/restored/evil</script><img src=x onerror=console.error('ran')>.JPG" ]
    [ -e "$T/there/restored/it's [odd]*, \$(touch ran) \`touch ran\`.JPG" ]
    [ -e "$T/there/restored/2024/nairobi/raw/DSC_0100.xmp" ]
}

@test "browser: hostile names and keywords are only shown" {
    browse 'q=ran'
    [ "$(tiles)" -eq 3 ]
    [ "$(grep -cE '<img[^>]*(src="?x|onerror)' <<<"$dom")" -eq 0 ]
    [ "$(grep -oE '<script>' <<<"$dom" | wc -l)" -eq 1 ]
    [ "$(tiles 'class="tile o8".*-to.JPG')" -eq 1 ]
}

@test "browser: keys walk, select and show; pictures far away are dropped" {
    exits 0 gallery photos --to "$T/page.html"
    cat >"$T/frame.html" <<'HTML'
<!DOCTYPE html><iframe id="frame" width="700" height="300" src="page.html"></iframe><pre id="result"></pre>
<script>
const wait = () => new Promise(done => setTimeout(done, 10));
onload = async () => {
    await wait();
    const page = frame.contentDocument, view = frame.contentWindow, log = text => { result.textContent += text + '\n'; };
    const press = (key, more) => page.activeElement.dispatchEvent(new view.KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
    const name = () => page.activeElement.getAttribute('aria-label').split(',')[0];
    log('stops ' + page.querySelectorAll('.tile[tabindex="0"]').length);
    page.querySelector('.tile[tabindex="0"]').focus();
    log('first ' + name());
    press('ArrowRight'); log('right ' + name());
    press('ArrowDown'); log('down ' + name());
    press('ArrowUp'); press('ArrowUp'); log('up ' + name());
    press(' '); log('checked ' + page.activeElement.getAttribute('aria-checked') + ' ' + page.getElementById('chosen').textContent.split(' ')[0]);
    press('ArrowRight', { shiftKey: true }); log('range ' + page.getElementById('chosen').textContent.split(' ')[0]);
    press('Enter'); log('shown ' + page.getElementById('dialog').open + ' ' + page.getElementById('name').textContent);
    page.getElementById('shut').click(); await wait();
    log('back ' + name());
    press('End');
    log('end ' + (view.scrollY > 1000));
    const kept = () => page.querySelectorAll('section:nth-child(-n+3) .tile').length;
    for (let n = 0; kept() > 0 && n < 50000; n++) await wait();
    log('kept ' + kept());
    press('Home'); await wait(); log('home ' + name());
    const old = page.activeElement;
    frame.width = 500; // the tiles are laid out anew
    for (let n = 0; old.isConnected && n < 50000; n++) await wait();
    log('resized ' + name() + ' ' + !old.isConnected);
    log('hash ' + view.location.hash);
};
</script>
HTML
    PAGE=$T/frame.html budget=900000 browse
    perl -0777 -ne 'print $1 if /<pre id="result">(.*?)<\/pre>/s' "$T/dom" >"$T/result"
    diff - "$T/result" <<'END'
stops 1
first P1000001.JPG
right screen.png
down DSCF1003.JPG
up P1000001.JPG
checked true 1
range 2
shown true screen.png
back screen.png
end true
kept 0
home P1000001.JPG
resized P1000001.JPG true
hash #s=0-1
END
}
