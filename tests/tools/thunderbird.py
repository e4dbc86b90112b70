"""Thunderbird without a screen, with a profile of its own."""
import glob
import json
import os
import shutil
import signal
import subprocess
import time

from marionette import Marionette, MarionetteError

# It shall meet nobody but the server under test, and ask nothing.
PREFERENCES = {
    "marionette.port": 0,  # any free one; it says which in a file
    "app.update.enabled": False,
    "app.update.auto": False,
    "app.normandy.enabled": False,
    "browser.dom.window.dump.enabled": True,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "devtools.console.stdout.chrome": True,
    "extensions.update.enabled": False,
    "mail.biff.play_sound": False,
    "mail.biff.show_alert": False,
    "mail.chat.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.instrumentation.postUrl": "",
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    # A file a message, which is easy to read from outside.
    "mail.serverDefaultStoreContractID":
        "@mozilla.org/msgstore/maildirstore;1",
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.pop3.loglevel": "All",
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "security.OCSP.enabled": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}

TRUST = """
const db = Cc["@mozilla.org/security/x509certdb;1"]
	.getService(Ci.nsIX509CertDB);
db.addCertFromBase64(args[0], "C,,");
"""

# What all scripts below begin with.
USE = """
const { MailServices } = ChromeUtils.importESModule(
	"resource:///modules/MailServices.sys.mjs");
const server = key => MailServices.accounts.getIncomingServer(key)
	.QueryInterface(Ci.nsIPop3IncomingServer);
const inbox = key => server(key).rootFolder
	.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
"""

ADD = """
const o = args[0];
const s = MailServices.accounts.createIncomingServer(
	o.user, o.host || "localhost", "pop3").QueryInterface(Ci.nsIPop3IncomingServer);
s.port = o.port;
s.socketType = Ci.nsMsgSocketType[o.socket];
s.authMethod = Ci.nsMsgAuthMethod[o.auth];
s.password = o.password;
s.leaveMessagesOnServer = true;
s.deleteMailLeftOnServer = true;
s.loginAtStartUp = false;
s.doBiff = false;
s.valid = true;
const account = MailServices.accounts.createAccount();
account.addIdentity(MailServices.accounts.createIdentity());
account.incomingServer = s;
return s.key;
"""

LEAVE = """
server(args[0]).leaveMessagesOnServer = args[1];
"""

TELL = """
Services.prefs.setCharPref("mailnews.pop3.loglevel", args[0]);
"""

# Numbers of nsresult; 0 is success.
FETCH = """
return await new Promise(resolve => MailServices.pop3.GetNewMail(null, {
	OnStartRunningUrl() {},
	OnStopRunningUrl(url, code) { resolve(code); },
}, inbox(args[0]), server(args[0])));
"""

FOLDER = """
return inbox(args[0]).filePath.path;
"""

COUNT = """
return inbox(args[0]).getTotalMessages(false);
"""

# Deletes as a person does who then empties the bin.
DELETE_ALL = """
const folder = inbox(args[0]);
await new Promise((resolve, reject) => folder.deleteMessages(
	Array.from(folder.messages), null, true, false, {
		onStartCopy() {}, onProgress() {}, setMessageKey() {},
		getMessageId() { return null; },
		onStopCopy(code) { code ? reject(code) : resolve(); },
	}, false));
"""


class Thunderbird:
    def __init__(self, folder, ca, patience):
        self.profile = os.path.join(folder, "profile")
        os.makedirs(self.profile)
        with open(os.path.join(self.profile, "user.js"), "w",
                  encoding="ascii") as f:
            for name, value in PREFERENCES.items():
                f.write(f'user_pref("{name}", {json.dumps(value)});\n')
        self.log_path = os.path.join(folder, "thunderbird.log")
        with open(self.log_path, "wb") as log:
            self.proc = subprocess.Popen(
                ["thunderbird", "--headless", "--no-remote", "--profile",
                 self.profile, "--marionette",
                 "--remote-allow-system-access"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "HOME": folder, "LC_ALL": "C.UTF-8",
                     "MOZ_CRASHREPORTER_DISABLE": "1"},
                start_new_session=True)
        self.driver = None
        try:
            self.connect(patience)
            with open(ca, encoding="ascii") as f:
                lines = [line.strip() for line in f if "--" not in line]
            self.driver.run(TRUST, "".join(lines))
        except BaseException:
            self.close()
            raise

    def connect(self, patience):
        path = os.path.join(self.profile, "MarionetteActivePort")
        end = time.monotonic() + patience
        while True:
            if self.proc.poll() is not None or time.monotonic() > end:
                raise MarionetteError("Thunderbird does not start:\n" +
                                      self.log())
            try:
                with open(path, encoding="ascii") as f:
                    self.driver = Marionette(int(f.read()), patience)
                return
            except (FileNotFoundError, ValueError, ConnectionRefusedError):
                time.sleep(0.05)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def call(self, script, *args):
        return self.driver.run(USE + script, *args)

    def add(self, **options):
        """A POP3 account; the key that names it."""
        return self.call(ADD, options)

    def tell(self, what):
        """Which of the dialogue goes to the log: All, or Warn."""
        self.call(TELL, what)

    def leave(self, key, yes):
        self.call(LEAVE, key, yes)

    def fetch(self, key):
        code = self.call(FETCH, key)
        if code != 0:
            raise MarionetteError(f"fetching failed: {code:#x}\n" +
                                  self.log()[-4000:])

    def count(self, key):
        return self.call(COUNT, key)

    def delete_all(self, key):
        self.call(DELETE_ALL, key)

    def messages(self, key):
        """(name, octets) of the files of the inbox."""
        folder = self.call(FOLDER, key)
        found = []
        for path in glob.glob(os.path.join(folder, "cur", "*")):
            with open(path, "rb") as f:
                found.append((os.path.basename(path), f.read()))
        return found

    def close(self):
        try:
            if self.driver:
                self.driver.close()
                self.proc.wait(30)
        except (OSError, MarionetteError, subprocess.TimeoutExpired):
            pass
        finally:
            try:
                os.killpg(self.proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.proc.wait()
            shutil.rmtree(self.profile, ignore_errors=True)
