"""The keys behind the examples of api.md: agent bytes 00..1f, passport key 40..5f, challenge bytes 64..83."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

AGENT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(0x00, 0x20)))
AGENT_X = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
AGENT_KID = "1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y"
PASSPORT_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(0x40, 0x60)))
PASSPORT_X = "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0"
PASSPORT_KID = "WeVHjIQTOLKu-P74oC-WL-MNn_sLM5CvrzuMjDFC3-s"
CHALLENGE = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM"
SIGNED_CHALLENGE = "G4qbgadFcPlDDpxZmyvO2nlbYpIMYzyR0qLnaHgs4HzOkX3Cum12ppsBekWdagVxPFh8T4gNvq2hHHBpJzdZBw"
AGENT_ID = "agt_01kt16jnjge4ma4jz41b93y214"
OPERATOR_ID = "op_01kt16jkm0emq8k9w39qsaekf4"
MISSION_ID = "ms_01kt16jphrfacb42v78k230hbe"
JTI = "ppt_01kt16jphre60tak362xesvjfr"
SESSION_ID = "ses_01kt16jqh0e3pt0yekqqme4qcm"
API_KEY = "sk_live_op_never-shown-anywhere"
