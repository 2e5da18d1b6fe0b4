select did from users where did = 'did:plc:ann'
